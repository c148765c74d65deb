import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import {
  type CertificateParts,
  type Certificates,
  createCertificateSource,
} from '../../../src/app/certificates/certificate-source.ts'
import { NO_AUTHORITY } from '../../../src/app/certificates/open-authority.ts'
import { CertificateStore } from '../../../src/certificates/folder/certificate-store.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { makePaper } from './paper-ca.ts'

/** Certificates of a folder, which may be changed. */
interface FolderCertificates extends Certificates, AsyncDisposable {
  readonly folder: string
  /** Reads it again at once. */
  refresh(): Promise<void>
}

function givenPair(): NonNullable<CertificateParts['given']>['pair'] {
  const { pem, keyPem } = makePaper('given.test', { names: ['given.test'] })
  const pair = { cert: Buffer.from(pem), key: Buffer.from(keyPem) }
  const expiry = { file: 'given.crt', notAfter: Date.now() + 86_400_000 }
  return { pair, context: createSecureContext(pair), expiry }
}

/**
 * Berth's own choice among the pairs of a folder, each by its file's name and the names it covers; without a CA.
 * `texts`: further files. `givenFor`: names of the pair of `--tls-cert`; undefined: there is none.
 */
export async function openFolderCertificates(
  files: Readonly<Record<string, readonly string[]>>,
  {
    givenFor,
    texts = {},
  }: { readonly givenFor?: readonly string[]; readonly texts?: Readonly<Record<string, string>> } = {},
): Promise<FolderCertificates> {
  const resources = new AsyncDisposableStack()
  const { path } = resources.use(await makeTempFolder('certs'))
  for (const [name, names] of Object.entries(files)) {
    const { pem, keyPem } = makePaper(name, { names })
    await writeFile(join(path, `${name}.crt`), pem)
    await writeFile(join(path, `${name}.key`), keyPem)
  }
  for (const [name, text] of Object.entries(texts)) await writeFile(join(path, name), text)
  const store = resources.use(await CertificateStore.open({ folders: [path] }))
  const source = createCertificateSource({
    store,
    authority: NO_AUTHORITY,
    given: givenFor && { pair: givenPair(), names: givenFor },
    acmeStatus: () => [],
  })
  return {
    ...source,
    folder: path,
    refresh: () => store.refresh(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
