import { limitedRun } from './limited-run.ts';
const [,, names, jobs, kind, seeds] = process.argv;
for (const seed of seeds!.split(','))
for (const contender of names!.split(',')) {
  const r = await limitedRun({ contender, kind: kind as 'worker', jobs: Number(jobs), seed: Number(seed) });
  const w = r.waitsMs.toSorted((a, b) => a - b);
  console.log(seed, contender, (r.elapsedMs/1000).toFixed(2)+' s', (w.length/r.elapsedMs*60000).toFixed(0)+'/min', 'oom', r.outOfMemory, 'peak', (r.peakBytes/1e6/1.048576).toFixed(0), 'p99wait', w[Math.floor(w.length*.99)]!.toFixed(0));
}
