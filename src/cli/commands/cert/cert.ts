import type { Command } from 'commander'
import type { Io } from '../../io.ts'
import { addCertCa } from './cert-ca.ts'
import { addCertCheck } from './cert-check.ts'
import { addCertCsr } from './cert-csr.ts'
import { addCertInstall } from './cert-install.ts'
import { addCertList } from './cert-list.ts'
import { addCertRenew } from './cert-renew.ts'
import { addCertSelfSigned } from './cert-self-signed.ts'

const EXAMPLES = `
To buy a certificate:
  berth cert csr registry.example.com                     key and CSR; send the .csr to the CA
  berth cert install registry.example.com mail/* registry_example_com.key
  berth cert check registry.example.com                   as Docker will see it

For names that no CA signs for:
  berth cert ca > ca.crt                                  Berth's own CA, to be trusted by clients
  berth cert self-signed --ca registry.local

A running server takes new files within two seconds; no connection drops.`

/** `berth cert …`. */
export function addCertCommand(program: Command, io: Io): void {
  const cert = program
    .command('cert')
    .description('Make, install and check certificates.')
    .addHelpText('after', EXAMPLES)
  addCertCsr(cert, io)
  addCertInstall(cert, io)
  addCertCheck(cert, io)
  addCertList(cert, io)
  addCertRenew(cert, io)
  addCertSelfSigned(cert, io)
  addCertCa(cert, io)
}
