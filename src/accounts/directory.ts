/** A person as a directory knows them. */
export interface DirectoryPerson {
  /** Identity in the directory: it stays when the person is renamed, and is given to nobody else. */
  readonly id: string
  /** Name to log in with. */
  readonly name: string
  /** Names of all groups of the directory that the person is in, without repetition. */
  readonly groups: readonly string[]
}

/** Persons and their passwords in another service, such as LDAP. */
export interface Directory {
  /**
   * The person if there is exactly one of this name and the password is theirs. The password is checked by the
   * directory only. Errors: {@link DirectoryError}.
   */
  verify(name: string, password: string): Promise<DirectoryPerson | undefined>
  /** The person of this name, without a check. Errors: {@link DirectoryError}. */
  find(name: string): Promise<DirectoryPerson | undefined>
}

/** The directory could not be reached, or gave no usable answer; whether a password is right is unknown. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
}
