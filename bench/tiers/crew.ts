import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { TierPlace } from './contenders.ts';
import type { MemberMessage } from './member.ts';
import type { TierFigures, TierTask } from './tasks.ts';

const MEMBER = fileURLToPath(new URL('member.js', import.meta.url));

/** However this process ends, but by SIGKILL, they end with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const member of running) member.kill('SIGKILL');
});

/** Processes that share a contender's second level. */
export class Crew {
  readonly #members: readonly ChildProcess[];

  private constructor(members: readonly ChildProcess[]) {
    this.#members = members;
  }

  static async start(contender: string, place: TierPlace, count: number): Promise<Crew> {
    const args = [contender, JSON.stringify(place)];
    const members = Array.from({ length: count }, () => fork(MEMBER, args));
    for (const member of members) running.add(member);
    await Promise.all(members.map((member) => heard(member)));
    return new Crew(members);
  }

  /** Has one of them do something. @param watching resolves when a `watch` has begun */
  async run(at: number, task: TierTask, watching?: () => void): Promise<TierFigures> {
    const member = this.#members[at]!;
    member.send(task);
    for (;;) {
      const { figures, error } = await heard(member);
      if (error !== undefined) throw new Error(error);
      if (figures !== undefined) return figures;
      watching?.();
    }
  }

  /** Has all of them do the same at once. */
  runAll(task: TierTask): Promise<TierFigures[]> {
    return Promise.all(this.#members.map((_, at) => this.run(at, task)));
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        const ended = once(member, 'exit');
        member.disconnect();
        const timer = setTimeout(() => member.kill('SIGKILL'), 2_000);
        await ended;
        clearTimeout(timer);
        running.delete(member);
      }),
    );
  }
}

async function heard(member: ChildProcess): Promise<MemberMessage> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      member.off('message', onMessage);
      reject(new Error(`a process ended with ${code}`));
    };
    const onMessage = (message: MemberMessage): void => {
      member.off('exit', onExit);
      resolve(message);
    };
    member.once('exit', onExit);
    member.once('message', onMessage);
  });
}
