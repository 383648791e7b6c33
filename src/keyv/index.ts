export { GranaryKeyvStore, type GranaryKeyvStoreOptions } from './granary-keyv-store.ts';
