import type { RepositoryName } from '../../oci/repository-name.ts'
import { CliError } from './cli-error.ts'

/** The error of a repository that does not exist. */
export function unknownRepository(name: RepositoryName): CliError {
  return new CliError('REPOSITORY_UNKNOWN', `There is no repository ${name}`)
}
