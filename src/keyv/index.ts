export { KeyvTier, type KeyvStoreLike, type KeyvTierOptions } from './keyv-tier.ts';
