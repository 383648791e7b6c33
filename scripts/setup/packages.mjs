import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Whether node_modules holds what package-lock.json asks for. npm keeps a lock of what it has
 * installed in node_modules; asking that, rather than a stamp, also sees an `npm install` by hand.
 */
export function packagesAreInstalled(root) {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([location, entry]) => {
    if (location === '') return true;
    const present = installed[location];
    // Optional packages are mostly builds for other platforms, which npm leaves out.
    if (present === undefined) return entry.optional === true || entry.devOptional === true;
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    // Missing or cut short: npm ci makes it anew.
    return undefined;
  }
}
