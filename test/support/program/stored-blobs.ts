import { openStore } from '../../../src/app/data/open-store.ts'
import { createDiskPlace } from '../../../src/blobs/disk/disk-place.ts'
import { loadConfig } from '../../../src/config/load/load-config.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { hashContent } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { makeDataFolder } from './new-data.ts'

/** Makes a data folder to which blobs are added without a server. */
export async function makeStoredBlobs(dataDir: string) {
  await makeDataFolder(dataDir)
  const { config } = loadConfig({ flags: { data: dataDir }, env: {}, cwd: dataDir })
  return {
    config,
    /** Stores blobs as a push does, each linked to a repository. */
    async add(contents: readonly Buffer[]): Promise<void> {
      const store = await openStore(config)
      const blobs = await createDiskPlace(dataDir).open()
      const metadata = createSqlMetadata(store.database)
      const repository = parseRepositoryName('a/b')
      for (const bytes of contents) {
        const digest = hashContent(bytes)
        await blobs.put(digest, bytes)
        await metadata.linkBlob({ repository, digest, size: bytes.length })
      }
      await blobs.close()
      await store.close()
    },
  }
}
