import { DirectoryError } from '../../accounts/directory.ts'
import type { LdapConfig } from '../../config/ldap.ts'
import { createLdapDirectory } from '../../ldap/ldap-directory.ts'
import { type Finding, failed, ok } from './finding.ts'

/** A name to search for: whether there is such a person makes no difference. */
const PROBE = 'berth-probe'

/** Searches the directory for a person, as a log-in does. */
export async function checkDirectory(ldap: LdapConfig): Promise<Finding> {
  const { host } = new URL(ldap.url)
  try {
    await createLdapDirectory(ldap).find(PROBE)
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
