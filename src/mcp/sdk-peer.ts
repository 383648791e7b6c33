import type * as SdkMcp from '@modelcontextprotocol/sdk/server/mcp.js';
import type * as SdkStdio from '@modelcontextprotocol/sdk/server/stdio.js';
import type * as SdkHttp from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type * as SdkTypes from '@modelcontextprotocol/sdk/types.js';
import type * as SdkServer from '@modelcontextprotocol/server';

import { GranaryError } from '../errors.ts';

const SDK_1 = '@modelcontextprotocol/sdk';
const SDK_2 = '@modelcontextprotocol/server';

/** @returns the schemas of the SDK. @throws (rejects with) `ERR_GRANARY_MISSING_PEER` */
export function importSdkTypes(): Promise<typeof SdkTypes> {
  return importPeer(SDK_1, 1, () => import('@modelcontextprotocol/sdk/types.js'));
}

/** @returns the SDK's `McpServer` and what belongs to it. @throws as `importSdkTypes` */
export function importSdkMcp(): Promise<typeof SdkMcp> {
  return importPeer(SDK_1, 1, () => import('@modelcontextprotocol/sdk/server/mcp.js'));
}

/** @returns the SDK's transport over stdin and stdout. @throws as `importSdkTypes` */
export function importSdkStdio(): Promise<typeof SdkStdio> {
  return importPeer(SDK_1, 1, () => import('@modelcontextprotocol/sdk/server/stdio.js'));
}

/** @returns the SDK's transport over HTTP. @throws as `importSdkTypes` */
export function importSdkHttp(): Promise<typeof SdkHttp> {
  return importPeer(SDK_1, 1, () => import('@modelcontextprotocol/sdk/server/streamableHttp.js'));
}

/** @returns version 2 of the SDK, its server. @throws as `importSdkTypes` */
export function importSdkServer(): Promise<typeof SdkServer> {
  return importPeer(SDK_2, 2, () => import('@modelcontextprotocol/server'));
}

async function importPeer<T>(name: string, version: number, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(name, cause)) throw cause;
    throw new GranaryError(
      'ERR_GRANARY_MISSING_PEER',
      `${name} (version ${version}) is needed to serve resources and is not installed: npm install ${name}@${version}`,
      { cause, data: { package: name } },
    );
  }
}

/** Not there at all, or without the entry that is asked for; any other failure is the SDK's own. */
function isMissing(name: string, error: unknown): boolean {
  if (!(error instanceof Error) || !error.message.includes(name)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
}
