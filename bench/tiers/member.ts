/** A process that has a contender's cache open and does what main.ts asks for, until that lets it go. */
import { CONTENDERS, type TierPlace } from './contenders.ts';
import { perform, type TierFigures, type TierTask } from './tasks.ts';

/** What main.ts hears. */
export interface MemberMessage {
  /** Of a task that has ended. */
  readonly figures?: TierFigures;
  /** Of one that cannot. */
  readonly error?: string;
}

const [name = '', place = '{}'] = process.argv.slice(2);
const open = CONTENDERS.get(name);
if (open === undefined || process.send === undefined) throw new Error('started by bench:tiers');
const tell = (message: MemberMessage): void => void (process.connected && process.send?.(message));
const use = await open(JSON.parse(place) as TierPlace);

process.on('message', (task: TierTask) => {
  perform(use, task, () => tell({})).then(
    (figures) => tell({ figures }),
    (error: unknown) =>
      tell({ error: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});
// What is only opened or imported when it is first used.
await use.load(`warm://${process.pid}`, async () => 'warm');
process.once('disconnect', () => {
  void use.close().finally(() => process.exit());
});
tell({});
