import { Mime } from 'mime';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';

/** Sources, which the registered types take for video (`.ts`) and the like, or do not know. */
const SOURCE_TYPES = {
  'application/x-ndjson': ['jsonl', 'ndjson'],
  'text/x-go': ['go'],
  'text/x-python': ['py'],
  'text/x-rust': ['rs'],
  'text/x-typescript': ['ts', 'mts', 'cts', 'tsx'],
};

const types = new Mime(standardTypes, otherTypes).define(SOURCE_TYPES, true);

/** @returns the type that the name of a file stands for, `undefined` where it stands for none. */
export function mediaTypeOf(name: string): string | undefined {
  // Without a slash the library takes a name without a dot, such as `txt`, for an extension.
  return types.getType(`/${name}`) ?? undefined;
}

/** Whether content of this type is bytes, even where they happen to be valid text. */
export function isBinaryType(mediaType: string): boolean {
  if (mediaType === 'application/octet-stream') return true;
  return /^(audio|font|image|video)\//.test(mediaType) && !/\+(json|xml)$/.test(mediaType);
}
