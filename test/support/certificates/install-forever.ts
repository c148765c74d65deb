import { installPair } from '../../../src/certificates/install/install-pair.ts'
import { makePaper } from './paper-ca.ts'

/**
 * Installs new pairs of a host in a folder, one after the other, until it is killed. Prints a word before the first.
 */
const [folder = '', host = ''] = process.argv.slice(2)
process.stdout.write('ready\n')
for (;;) {
  const { pem, keyPem } = makePaper(host, { names: [host] })
  await installPair(folder, host, { chainPem: pem, keyPem })
}
