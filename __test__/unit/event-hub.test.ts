import { describe, expect, it } from 'vitest';
import { EventHub } from '../../src/events/event-hub.ts';
import type { ResourceEvent, ResourceListener } from '../../src/events/resource-event.ts';
import { watchProcess } from '../support/process-signals.ts';

function accessed(uri: string): ResourceEvent<unknown> {
  return { uri, event: 'accessed' };
}

/** A hub that logs `listener uri` for each delivery. */
function loggingHub(names: readonly string[]) {
  const hub = new EventHub<unknown>();
  const log: string[] = [];
  const listeners = names.map((name): ResourceListener<unknown> => ({ uri }) => {
    log.push(`${name} ${uri}`);
  });
  for (const listener of listeners) hub.add('accessed', listener, false);
  return { hub, log, listeners };
}

describe('EventHub', () => {
  const signals = watchProcess();

  it('delivers at flush: every event to every listener, in order [EVENT-ON, HAZARD-17-ORDER]', () => {
    const { hub, log } = loggingHub(['first', 'second']);
    hub.queue(accessed('a'));
    hub.queue(accessed('b'));
    expect(log).toEqual([]);
    hub.flush();
    expect(log).toEqual(['first a', 'second a', 'first b', 'second b']);
    hub.flush();
    expect(log).toHaveLength(4);
  });

  it('is heard only while somebody listens [HIT-NO-LISTENER-COST]', () => {
    const { hub, listeners } = loggingHub(['only']);
    expect(hub.heard).toMatchObject({ accessed: true, loaded: false });
    hub.remove('accessed', listeners[0]!);
    expect(hub.heard.accessed).toBe(false);
    hub.add('accessed', () => {}, true);
    hub.queue(accessed('a'));
    hub.flush();
    expect(hub.heard.accessed).toBe(false);
    hub.add('evicted', () => {}, false);
    hub.removeAll();
    expect(Object.values(hub.heard)).toEqual([false, false, false, false, false]);
  });

  it('goes on from where it stands when a listener flushes [EVENT-REENTRANT, HAZARD-17-ORDER]', () => {
    const hub = new EventHub<unknown>();
    const log: string[] = [];
    hub.add(
      'accessed',
      ({ uri }) => {
        log.push(`first ${uri}`);
        if (uri !== 'a') return;
        hub.queue(accessed('nested'));
        hub.flush();
        log.push('nested flush returned');
      },
      false,
    );
    hub.add('accessed', ({ uri }) => void log.push(`second ${uri}`), false);
    hub.queue(accessed('a'));
    hub.queue(accessed('b'));
    hub.flush();
    expect(log).toEqual([
      'first a',
      'second a',
      'first b',
      'second b',
      'first nested',
      'second nested',
      'nested flush returned',
    ]);
  });

  it('calls neither a listener removed meanwhile nor one added for an event under way [EVENT-OFF-ONCE]', () => {
    const { hub, log, listeners } = loggingHub(['a', 'b', 'c']);
    const late: ResourceListener<unknown> = ({ uri }) => void log.push(`late ${uri}`);
    const meddler: ResourceListener<unknown> = () => {
      hub.remove('accessed', listeners[1]!);
      hub.remove('accessed', meddler);
      hub.add('accessed', late, false);
    };
    const { hub: other } = loggingHub([]);
    other.remove('accessed', meddler);
    hub.removeAll();
    for (const listener of [listeners[0]!, meddler, listeners[1]!, listeners[2]!]) {
      hub.add('accessed', listener, false);
    }
    hub.queue(accessed('1'));
    hub.queue(accessed('2'));
    hub.flush();
    expect(log).toEqual(['a 1', 'c 1', 'a 2', 'c 2', 'late 2']);
  });

  it('calls a listener once by once, also where it flushes itself [EVENT-OFF-ONCE, EVENT-REENTRANT]', () => {
    const hub = new EventHub<unknown>();
    let calls = 0;
    hub.add(
      'accessed',
      () => {
        calls++;
        hub.queue(accessed('again'));
        hub.flush();
      },
      true,
    );
    hub.queue(accessed('a'));
    hub.queue(accessed('b'));
    hub.flush();
    expect(calls).toBe(1);
  });

  it('calls a listener as often as it is registered and removes one at a time [EVENT-ON, EVENT-OFF-ONCE]', () => {
    const { hub, log, listeners } = loggingHub(['twice']);
    hub.add('accessed', listeners[0]!, false);
    hub.queue(accessed('a'));
    hub.flush();
    hub.remove('accessed', listeners[0]!);
    hub.queue(accessed('b'));
    hub.flush();
    expect(log).toEqual(['twice a', 'twice a', 'twice b']);
  });

  it('goes on after a listener that throws or rejects, and reports each once [EVENT-THROWS]', async () => {
    const { hub, log } = loggingHub(['before']);
    hub.add(
      'accessed',
      () => {
        throw new Error('thrown by a listener');
      },
      false,
    );
    hub.add('accessed', async () => Promise.reject(new Error('rejected by a listener')), false);
    hub.add(
      'accessed',
      () => {
        throw null;
      },
      false,
    );
    hub.add('accessed', ({ uri }) => void log.push(`after ${uri}`), false);
    for (const uri of ['a', 'b']) hub.queue(accessed(uri));
    hub.flush();
    expect(log).toEqual(['before a', 'after a', 'before b', 'after b']);
    const messages = (await signals.warnings()).map(({ message }) => message.split('\n')[0]!);
    expect(messages.sort()).toEqual([
      expect.stringContaining("'accessed' failed on a: Error: rejected by a listener"),
      expect.stringContaining("'accessed' failed on a: Error: thrown by a listener"),
      expect.stringContaining("'accessed' failed on a: null"),
    ]);
  });
});
