/** An LDAP directory whose persons may log in: its place, and those of its persons and groups. */
export interface LdapConfig {
  /** `ldap://` or `ldaps://`, with a host and perhaps a port. */
  readonly url: string
  /** True: the connection of an `ldap://` URL is encrypted (StartTLS, RFC 4511 section 4.14) before anything is sent. */
  readonly isStartTls: boolean
  /** PEM file of the authorities that sign the server's certificate; undefined: those of the system. */
  readonly caFile: string | undefined
  /** Account by which Berth searches; undefined: it searches without one. */
  readonly bindDn: string | undefined
  /** File that holds its password; read at each search. */
  readonly bindPasswordFile: string | undefined
  /** DN below which the persons are. */
  readonly userBase: string
  /** Filter that all persons match who may log in (RFC 4515). */
  readonly userFilter: string
  /** Attribute with the name to log in with. */
  readonly nameAttribute: string
  /** DN below which the groups are; undefined: groups are not read. */
  readonly groupBase: string | undefined
  /** Filter that all groups match. */
  readonly groupFilter: string
  /** Attribute with the name of a group. */
  readonly groupNameAttribute: string
  /** Group whose members are administrators; undefined: the directory makes nobody one. */
  readonly adminGroup: string | undefined
}
