import type { CacheInspection } from '../../governor/inspect/inspection-snapshot.ts';
import { barText, bytesText, countText, NONE, shareText } from './figures.ts';
import { type Cell, type Column, Table } from './table.ts';

const BAR_WIDTH = 10;

const COLUMNS: readonly Column[] = [
  { title: 'CACHE', align: 'left' },
  { title: 'ENTRIES', align: 'right' },
  { title: 'BYTES', align: 'right' },
  { title: 'BOUND', align: 'right', dropRank: 1 },
  { title: 'USED', align: 'left', dropRank: 6 },
  { title: 'HIT RATIO', align: 'right' },
  { title: 'HITS', align: 'right', dropRank: 2 },
  { title: 'MISSES', align: 'right', dropRank: 3 },
  { title: 'LOADS', align: 'right', dropRank: 4 },
  { title: 'EVICTED', align: 'right', dropRank: 5 },
  { title: 'EXPIRED', align: 'right', dropRank: 7 },
];

/** The caches with their figures since they were made. */
export function cacheTable(caches: readonly CacheInspection[]): Table {
  return new Table(COLUMNS, caches.map(rowOf));
}

function rowOf(cache: CacheInspection): readonly Cell[] {
  if ('error' in cache) return [{ text: cache.name }, { text: cache.error, style: 'over' }];
  const { name, size, maxSize, memoryBytes, maxMemoryBytes, hits, misses, hitRatio } = cache;
  const hasBound = Number.isFinite(maxMemoryBytes);
  const entries = Number.isFinite(maxSize)
    ? `${countText(size)}/${countText(maxSize)}`
    : countText(size);
  return [
    { text: name },
    { text: entries },
    { text: bytesText(memoryBytes) },
    { text: bytesText(maxMemoryBytes), style: 'faint' },
    // A full cache is as it should be.
    { text: barText(hasBound ? memoryBytes / maxMemoryBytes : Infinity, BAR_WIDTH), style: 'good' },
    { text: hits + misses === 0 ? NONE : shareText(hitRatio) },
    { text: countText(hits) },
    { text: countText(misses) },
    { text: countText(cache.loads) },
    { text: countText(cache.evictions) },
    { text: countText(cache.expirations) },
  ];
}
