// Removes everything that set-up makes, except node_modules.

import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binding = path.join(root, 'crates/binding');
const addons = readdirSync(binding).filter((name) => name.endsWith('.node'));

for (const folder of ['dist', 'target', '.setup']) {
  rmSync(path.join(root, folder), { recursive: true, force: true });
}
for (const name of addons) rmSync(path.join(binding, name));
