import { createRequire } from 'node:module';
import type * as Binding from '../../crates/binding/binding.cjs';
import { GranaryError, type GranaryErrorCode } from '../errors.ts';

export type Addon = typeof Binding;

const require = createRequire(import.meta.url);
let addon: Addon | undefined;

/**
 * The native addon, loaded on first use.
 *
 * @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` where there is no binary for this platform.
 */
export function loadAddon(): Addon {
  if (addon !== undefined) return addon;
  try {
    addon = require('../../crates/binding/binding.cjs') as Addon;
    return addon;
  } catch (cause) {
    throw new GranaryError(
      'ERR_GRANARY_UNSUPPORTED_RUNTIME',
      `there is no native binary for ${process.platform} ${process.arch} here: reinstall without ` +
        `--omit=optional, or use storage 'heap' with a clock of your own, which needs none`,
      { cause, data: { platform: process.platform, arch: process.arch } },
    );
  }
}

/** Runs a call into the addon; its errors become ours, with their code. */
export function callNative<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (error instanceof Error && typeof code === 'string' && code.startsWith('ERR_GRANARY_')) {
      throw new GranaryError(code as GranaryErrorCode, error.message, { cause: error });
    }
    throw error;
  }
}
