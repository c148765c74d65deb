import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Certificates, createCertificateSource } from '../../src/app/certificate-source.ts'
import { NO_AUTHORITY } from '../../src/app/open-authority.ts'
import { CertificateStore } from '../../src/certificates/certificate-store.ts'
import { makePaper } from './paper-ca.ts'
import { makeTempFolder } from './temp-folder.ts'
import { contextOf } from './test-door.ts'

/**
 * Berth's own choice among the pairs of a folder, each by its file's name and the names it covers; without a CA.
 * `givenFor`: names that the pair of `--tls-cert` is for; undefined: there is none.
 */
export async function openFolderCertificates(
  files: Readonly<Record<string, readonly string[]>>,
  { givenFor }: { readonly givenFor?: readonly string[] } = {},
): Promise<Certificates & AsyncDisposable> {
  const resources = new AsyncDisposableStack()
  const { path } = resources.use(await makeTempFolder('certs'))
  for (const [name, names] of Object.entries(files)) {
    const { pem, keyPem } = makePaper(name, { names })
    await writeFile(join(path, `${name}.crt`), pem)
    await writeFile(join(path, `${name}.key`), keyPem)
  }
  const store = resources.use(await CertificateStore.open({ folders: [path] }))
  const source = createCertificateSource({
    store,
    authority: NO_AUTHORITY,
    given: givenFor && { pair: { context: contextOf('given.test') }, names: givenFor },
    acmeStatus: () => [],
  })
  return { ...source, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}
