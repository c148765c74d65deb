import { readFileSync } from 'node:fs'
import { part } from '../../parts/find-parts.ts'
import { type Image, makeImage } from './make-image.ts'
import type { TarEntry } from './tar.ts'

const APPLETS = ['sh', 'echo', 'cat', 'ls']

/** A file tree that can run: a static busybox and a few names for it. */
export function busyboxTree(): TarEntry[] {
  return [
    { path: 'bin', isFolder: true },
    { path: 'bin/busybox', bytes: readFileSync(part('busybox')), mode: 0o755 },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, linkTo: 'busybox' })),
  ]
}

/** An image that can run, with a file `/greeting` that tells it from others. */
export function makeRunnableImage(greeting: string): Image {
  const greetingLayer = [{ path: 'greeting', bytes: Buffer.from(`${greeting}\n`) }]
  return makeImage({ layers: [busyboxTree(), greetingLayer], command: ['/bin/cat', '/greeting'] })
}
