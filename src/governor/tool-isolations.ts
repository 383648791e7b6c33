import type { Journal } from '../events/journal.ts';
import { controlGroup } from './control-group.ts';
import type { Isolation } from './execution.ts';
import type { GovernorDetails } from './governor-event.ts';
import type { SpareHosts } from './host-pool.ts';
import { InlineIsolation } from './inline-isolation.ts';
import type { EnhancedResourceManagerOptions, ManagerSettings } from './manager-settings.ts';
import { ProcessIsolation } from './process-isolation.ts';
import { ToolWalls } from './tool-walls.ts';
import { WorkerIsolation } from './worker-isolation.ts';

/** Where code runs that is not on this thread. */
export type HostedKind = 'worker' | 'process';

/** Where the tools of a manager run; each isolation is made when the first tool needs it. */
export class ToolIsolations {
  readonly #settings: ManagerSettings;
  readonly #options: EnhancedResourceManagerOptions;
  readonly #journal: Journal<GovernorDetails>;
  readonly #hosted = new Map<HostedKind, Isolation>();
  #inline: InlineIsolation | undefined;

  constructor(
    settings: ManagerSettings,
    options: EnhancedResourceManagerOptions,
    journal: Journal<GovernorDetails>,
  ) {
    this.#settings = settings;
    this.#options = options;
    this.#journal = journal;
  }

  get inline(): InlineIsolation {
    // The threads and processes of other tools open descriptors too: a guess would blame who runs here.
    this.#inline ??= new InlineIsolation({ guessedLeaks: false, ...this.#options.inline });
    return this.#inline;
  }

  hosted(kind: HostedKind): Isolation {
    let isolation = this.#hosted.get(kind);
    if (isolation === undefined) {
      const { worker, process } = this.#options;
      if (kind === 'worker') isolation = new WorkerIsolation(worker);
      else isolation = new ProcessIsolation({ ...process, ...this.#openWalls() });
      this.#hosted.set(kind, isolation);
    }
    return isolation;
  }

  /** What threads or processes hold in which nothing runs; `undefined` where there were none yet. */
  spare(kind: HostedKind): SpareHosts | undefined {
    return this.#hosted.get(kind)?.spare?.();
  }

  /** Ends the threads and processes that wait for the next execution. */
  trim(): void {
    for (const isolation of this.#hosted.values()) isolation.trim?.();
  }

  async close(): Promise<void> {
    const hosted = [...this.#hosted.values()].map((isolation) => isolation.close());
    await Promise.all([this.#inline?.close(), ...hosted]);
  }

  /** Has the kernel limit processes too, or says why it cannot. */
  #openWalls(): { walls?: ToolWalls } {
    if (!this.#settings.walls) return {};
    const walls = ToolWalls.open(controlGroup());
    if (typeof walls !== 'string') return { walls };
    const what = 'walls of memory and processes by the kernel';
    this.#journal.tell('unavailable', { what, reason: walls });
    this.#settings.logger?.info(`without ${what}: ${walls}`);
    return {};
  }
}
