import { DirectoryError } from '../../accounts/directory.ts'
import type { LdapConfig } from '../../config/ldap.ts'
import { probeLdap } from '../../ldap/ldap-directory.ts'
import { type Finding, failed, ok } from './finding.ts'

/** Searches the directory for a person and their groups, as a log-in does. */
export async function checkDirectory(ldap: LdapConfig): Promise<Finding> {
  const { host } = new URL(ldap.url)
  try {
    await probeLdap(ldap)
    return ok('directory', `The directory ${host} answers`)
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    return failed(
      'directory',
      `Persons of the directory ${host} cannot log in. ${error.message}`,
      'Check the settings ldap-* against the directory, see docs/directory.md',
    )
  }
}
