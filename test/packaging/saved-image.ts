import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../support/machine/run-command.ts'

/** An image's content, on disk. */
export interface SavedImage {
  /** Its configuration, as the image specification has it. */
  readonly config: ImageConfig
  /** Folder of its files, with their owners and modes. */
  readonly root: string
}

/** Fields of a configuration. */
interface ImageConfig {
  readonly architecture: string
  readonly os: string
  readonly config: Readonly<Record<string, unknown>>
}

/**
 * Unpacks an image from a file as `docker load` takes it, into a folder that it makes. `tag`: of the images of the file.
 * Errors: no image has this tag; a layer cannot be unpacked, as by a user that is not root.
 */
export async function unpackSavedImage(file: string, folder: string, tag: string): Promise<SavedImage> {
  const parts = join(folder, 'parts')
  const root = join(folder, 'root')
  for (const path of [parts, root]) await mkdir(path, { recursive: true })
  await runOk('tar', ['--extract', '--file', file, '--directory', parts])
  const images = JSON.parse(await readFile(join(parts, 'manifest.json'), 'utf8')) as {
    Config: string
    RepoTags: string[]
    Layers: string[]
  }[]
  const image = images.find(({ RepoTags }) => RepoTags.includes(tag))
  if (!image) throw new Error(`${file} has no image ${tag}`)
  for (const layer of image.Layers) {
    const keep = ['--numeric-owner', '--same-owner', '--preserve-permissions']
    await runOk('tar', ['--extract', '--file', join(parts, layer), '--directory', root, ...keep])
  }
  return { root, config: JSON.parse(await readFile(join(parts, image.Config), 'utf8')) as ImageConfig }
}
