export { GranaryKeyvStore, type GranaryKeyvStoreOptions } from './granary-keyv-store.ts';
export { KeyvTier, type KeyvStoreLike, type KeyvTierOptions } from './keyv-tier.ts';
