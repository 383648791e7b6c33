export type { RedisClientLike, RedisTierOptions } from './redis-options.ts';
export { RedisTier } from './redis-tier.ts';
