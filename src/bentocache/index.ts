export {
  granaryDriver,
  type GranaryDriverFactory,
  type GranaryDriverOptions,
} from './granary-driver.ts';
export type { GranaryL1Driver } from './granary-l1-driver.ts';
export type { GranaryL2Driver } from './granary-l2-driver.ts';
