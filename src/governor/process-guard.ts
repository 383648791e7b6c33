import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Reads which process groups there are; when its input ends, and so when this process is gone in whatever way, it kills
 * those that are left, and every process that carries the mark.
 */
const SCRIPT = `
groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -KILL -- "-$group" 2>/dev/null; done
[ -n "\${groups# }" ] || exit 0
for file in $(grep -lsaF -e "$1" /proc/[0-9]*/environ 2>/dev/null); do
  pid=\${file#/proc/}
  kill -KILL "\${pid%/environ}" 2>/dev/null
done
exit 0
`;

/**
 * Sees to it that no tool outlives this process, even where it is killed by SIGKILL while a tool loops: a shell of about
 * 1 MB in a session of its own. Does nothing on Windows.
 */
export class ProcessGuard {
  readonly #mark: string;
  #shell: ChildProcess | undefined;

  constructor(mark: string) {
    this.#mark = mark;
  }

  watch(groupId: number): void {
    if (process.platform === 'win32') return;
    this.#shell ??= this.#start();
    this.#tell(`+ ${groupId}\n`);
  }

  forget(groupId: number): void {
    this.#tell(`- ${groupId}\n`);
  }

  async close(): Promise<void> {
    const shell = this.#shell;
    this.#shell = undefined;
    if (shell === undefined || shell.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      shell.once('close', resolve);
      shell.stdin?.end();
    });
  }

  #tell(line: string): void {
    const input = this.#shell?.stdin;
    if (input !== undefined && input !== null && input.writable) input.write(line);
  }

  #start(): ChildProcess {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard', this.#mark], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    shell.unref();
    (shell.stdin as Writable & { unref?(): void }).unref?.();
    // Without a shell, or with one that was killed, tools still end with this process in every orderly way.
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    return shell;
  }
}
