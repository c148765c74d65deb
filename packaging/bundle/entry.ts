import cluster from 'node:cluster'

// A worker of `berth serve` is the same file, started again: the executable holds one program.
if (cluster.isWorker) await import('../../src/worker.ts')
else await import('../../src/main.ts')
