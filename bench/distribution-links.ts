import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SeededImage } from './seed-images.ts'

/** Writes the link files by which Distribution knows images whose blobs are below `root` already. */
export function writeLinks(root: string, images: readonly SeededImage[]): void {
  for (const image of images) {
    const folder = join(root, 'docker/registry/v2/repositories', image.repository)
    for (const digest of image.blobs) writeLink(join(folder, '_layers', toPath(digest)), digest)
    writeLink(join(folder, '_manifests/revisions', toPath(image.manifest)), image.manifest)
    if (image.isDead) continue
    const tag = join(folder, '_manifests/tags', image.tag)
    writeLink(join(tag, 'current'), image.manifest)
    writeLink(join(tag, 'index', toPath(image.manifest)), image.manifest)
  }
}

function toPath(digest: string): string {
  return digest.replace(':', '/')
}

function writeLink(folder: string, digest: string): void {
  const path = join(folder, 'link')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, digest)
}
