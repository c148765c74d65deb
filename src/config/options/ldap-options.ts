import { ldapAttribute, ldapDn, ldapFilter, ldapUrl } from '../values/ldap.ts'
import { flag, text } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of log-ins through an LDAP directory. */
export const LDAP_OPTIONS = {
  'ldap-url': {
    value: 'URL',
    help: 'LDAP directory whose persons may log in with their password there: ldap:// or ldaps://, a host and perhaps a port, or off. See docs/directory.md',
    example: 'ldap://ldap.example.com',
    otherwise: 'off',
    parse: ldapUrl,
  },
  'ldap-start-tls': {
    value: 'BOOL',
    help: 'encrypt connections of an ldap:// URL before a password is sent (StartTLS); false only for a server on this machine',
    example: 'false',
    default: 'true',
    parse: flag,
  },
  'ldap-ca-file': {
    value: 'FILE',
    help: "authorities (PEM) that sign the directory's certificate",
    example: '/etc/berth/ldap-ca.pem',
    otherwise: 'those of the system',
    parse: text,
    isPath: true,
  },
  'ldap-bind-dn': {
    value: 'DN',
    help: 'account by which Berth searches for persons and groups; it needs no right to write, and none to read passwords',
    example: 'cn=berth,ou=services,dc=example,dc=com',
    otherwise: 'none: the directory is searched without a log-in',
    parse: ldapDn,
  },
  'ldap-bind-password-file': {
    value: 'FILE',
    help: "file that holds that account's password; read at each log-in",
    example: '/run/secrets/ldap-password',
    otherwise: 'none',
    parse: text,
    isPath: true,
  },
  'ldap-users': {
    value: 'DN',
    help: 'entry below which the persons are; required with ldap-url',
    example: 'ou=people,dc=example,dc=com',
    otherwise: 'none',
    parse: ldapDn,
  },
  'ldap-user-filter': {
    value: 'FILTER',
    help: 'filter that all persons match who may log in',
    example: '(memberOf=cn=berth,ou=groups,dc=example,dc=com)',
    default: '(objectClass=person)',
    parse: ldapFilter,
  },
  'ldap-user-name': {
    value: 'ATTRIBUTE',
    help: 'attribute with the name to log in with',
    example: 'sAMAccountName',
    default: 'uid',
    parse: ldapAttribute,
  },
  'ldap-groups': {
    value: 'DN',
    help: "entry below which the groups are; a person's groups are replaced at each log-in",
    example: 'ou=groups,dc=example,dc=com',
    otherwise: 'none: groups are not read',
    parse: ldapDn,
  },
  'ldap-group-filter': {
    value: 'FILTER',
    help: 'filter that all groups match',
    example: '(cn=berth-*)',
    default:
      '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=group))',
    parse: ldapFilter,
  },
  'ldap-group-name': {
    value: 'ATTRIBUTE',
    help: 'attribute with the name of a group',
    example: 'displayName',
    default: 'cn',
    parse: ldapAttribute,
  },
  'ldap-admins': {
    value: 'GROUP',
    help: 'group of the directory whose members are administrators, from their next log-in on',
    example: 'berth-admins',
    otherwise: 'none: the directory makes nobody an administrator',
    parse: text,
  },
} as const satisfies Record<string, Option>
