import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Flight, Flights, LoaderRun } from '../../src/cache/flights.ts';
import { GranaryError } from '../../src/errors.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { watchProcess } from '../support/process-signals.ts';

function start(flights: Flights<string>, uri: string, tags: readonly string[] = []) {
  const run = new LoaderRun();
  return { flight: flights.start(uri, run, tags), signal: run.controller.signal };
}

/** Lands a flight as its loader's end does. @returns whether the value may be stored */
function land(flights: Flights<string>, flight: Flight<string>, value: string): boolean {
  const wanted = flights.land(flight);
  for (const waiter of flight.waiters) waiter.resolve(value);
  flight.waiters.clear();
  return wanted;
}

describe('Flights', () => {
  watchProcess();

  it('is found while it is under way, by its URI only [LOAD-SINGLE-FLIGHT]', () => {
    const flights = new Flights<string>();
    const { flight } = start(flights, 'a');
    expect(flights.find('a')).toBe(flight);
    expect(flights.find('b')).toBeUndefined();
    expect(land(flights, flight, 'v')).toBe(true);
    expect(flights.find('a')).toBeUndefined();
    expect(flights.size).toBe(0);
  });

  it('once detached is not joined, may not store, and leaves its successor alone [HAZARD-15, HAZARD-15-DETACH]', () => {
    const flights = new Flights<string>();
    const { flight: older } = start(flights, 'a');
    flights.detach('a');
    expect(flights.find('a')).toBeUndefined();
    const { flight: newer } = start(flights, 'a');
    expect(land(flights, older, 'old')).toBe(false);
    expect(flights.find('a')).toBe(newer);
    expect(land(flights, newer, 'new')).toBe(true);
  });

  it('detaches where the URI matches [HAZARD-15-DETACH]', () => {
    const flights = new Flights<string>();
    for (const uri of ['a1', 'a2', 'b1']) start(flights, uri);
    flights.detachWhere((uri) => uri.startsWith('a'));
    expect(['a1', 'a2', 'b1'].map((uri) => flights.find(uri) !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('detaches by tags known, and refuses by tags learnt later [HAZARD-15-TAGS]', () => {
    const flights = new Flights<string>();
    const { flight: tagged } = start(flights, 'tagged', ['red']);
    const { flight: learns } = start(flights, 'learns');
    const { flight: other } = start(flights, 'other');
    flights.detachTag('red');
    expect(flights.find('tagged')).toBeUndefined();
    const { flight: later } = start(flights, 'later', ['red']);
    learns.tags = ['blue', 'red'];
    other.tags = ['blue'];
    const outcomes = [tagged, learns, other, later].map((flight) => land(flights, flight, 'v'));
    expect(outcomes).toEqual([false, false, true, true]);
  });

  it('keeps no tag once nothing is under way [HAZARD-15-TAGS]', () => {
    const flights = new Flights<string>();
    const { flight } = start(flights, 'a');
    flights.detachTag('red');
    land(flights, flight, 'v');
    flights.detachTag('red');
    const { flight: next } = start(flights, 'a');
    next.tags = ['red'];
    expect(land(flights, next, 'v')).toBe(true);
  });

  it('lets one caller leave and the others stay [LOAD-ABORT-ALONE, LOAD-ABORT-LAST]', async () => {
    const flights = new Flights<string>();
    const { flight, signal } = start(flights, 'a');
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = flights.join(flight, first.signal);
    const staying = flights.join(flight, second.signal);
    first.abort(new Error('no longer needed'));
    const failure = await granaryFailure(() => leaving, 'ERR_GRANARY_ABORTED');
    expect(failure.cause).toEqual(new Error('no longer needed'));
    expect(signal.aborted).toBe(false);
    land(flights, flight, 'v');
    expect(await staying).toBe('v');
    expect(getEventListeners(first.signal, 'abort')).toEqual([]);
    expect(getEventListeners(second.signal, 'abort')).toEqual([]);
  });

  it('is aborted with the last reason when everybody has left, and is not joined then [LOAD-ABORT-LAST]', async () => {
    const flights = new Flights<string>();
    const { flight, signal } = start(flights, 'a');
    const callers = [new AbortController(), new AbortController()];
    const waits = callers.map((caller) => flights.join(flight, caller.signal));
    for (const [at, caller] of callers.entries()) caller.abort(`reason ${at}`);
    for (const wait of waits) await granaryFailure(() => wait, 'ERR_GRANARY_ABORTED');
    expect(signal.reason).toBe('reason 1');
    expect(flights.find('a')).toBeUndefined();
    expect(flights.size).toBe(0);
    expect(land(flights, flight, 'late')).toBe(false);
  });

  it('ends a run of several flights only when the last flight was left [LOAD-ABORT-LAST, LOAD-MANY]', async () => {
    const flights = new Flights<string>();
    const run = new LoaderRun();
    const [a, b] = ['a', 'b'].map((uri) => flights.start(uri, run, []));
    const [one, two] = [new AbortController(), new AbortController()];
    const waits = [flights.join(a!, one.signal), flights.join(b!, two.signal)];
    one.abort();
    expect(run.controller.signal.aborted).toBe(false);
    two.abort();
    expect(run.controller.signal.aborted).toBe(true);
    for (const wait of waits) await granaryFailure(() => wait, 'ERR_GRANARY_ABORTED');
  });

  it('refuses at once a caller whose signal has fired before it joins [LOAD-ABORT-ALONE]', async () => {
    const flights = new Flights<string>();
    const { flight, signal } = start(flights, 'a');
    const staying = flights.join(flight, undefined);
    const failure = await granaryFailure(
      () => flights.join(flight, AbortSignal.abort('early')),
      'ERR_GRANARY_ABORTED',
    );
    expect(failure.cause).toBe('early');
    expect(signal.aborted).toBe(false);
    land(flights, flight, 'v');
    expect(await staying).toBe('v');
  });

  it('refuses every caller and aborts every run on close, detached ones too [CACHE-CLOSE]', async () => {
    const flights = new Flights<string>();
    const { flight: detached, signal: first } = start(flights, 'a');
    const caller = new AbortController();
    const waits = [flights.join(detached, caller.signal)];
    flights.detach('a');
    const { flight, signal: second } = start(flights, 'a');
    waits.push(flights.join(flight, undefined));
    const closed = new GranaryError('ERR_GRANARY_CLOSED', 'closed');
    flights.close(closed);
    for (const wait of waits) await granaryFailure(() => wait, 'ERR_GRANARY_CLOSED');
    expect([first.reason, second.reason]).toEqual([closed, closed]);
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(flights.size).toBe(0);
    expect(land(flights, flight, 'late')).toBe(false);
  });

  it('hold an invalidated tag while an older load is under way, and no longer [HAZARD-15-TAGS]', () => {
    const flights = new Flights<string>();
    flights.detachTag('before');
    const first = start(flights, 'first').flight;
    for (const tag of ['a', 'b', 'a']) flights.detachTag(tag);
    const second = start(flights, 'second').flight;
    flights.detachTag('c');
    expect(flights.heldTags).toBe(3);
    // Loads overlap without end: what is older than all of them goes all the same.
    flights.retag(second, ['a']);
    expect(flights.land(first)).toBe(true);
    expect(flights.heldTags).toBe(1);
    flights.retag(second, ['c']);
    expect(flights.land(second)).toBe(false);
    expect(flights.heldTags).toBe(0);
  });

  it('are overtaken by the last invalidation of a tag, not the first [HAZARD-15-TAGS]', () => {
    const flights = new Flights<string>();
    const oldest = start(flights, 'oldest').flight;
    flights.detachTag('a');
    flights.detachTag('b');
    const later = start(flights, 'later').flight;
    flights.detachTag('a');
    flights.land(oldest);
    expect(flights.heldTags).toBe(1);
    flights.retag(later, ['a']);
    expect(flights.land(later)).toBe(false);
  });
});
