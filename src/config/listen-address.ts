/** All addresses of the machine, IPv6 and IPv4; IPv4 alone where there is no IPv6. */
export const ANY_ADDRESS = '*'

/** True for a host that stands for all addresses of the machine, or all of one family. */
export function isEveryAddress(host: string): boolean {
  return [ANY_ADDRESS, '0.0.0.0', '::'].includes(host)
}

/**
 * Addresses by which a program on this machine reaches a listener on all addresses. Not the name localhost: it has no
 * address where names cannot be looked up, as in a small container or without a network.
 */
export const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1'] as const

/**
 * Address of a listener: a host and a TCP port (0 lets the system choose one), or the path of a Unix socket. With `fd` it is
 * the address of a socket that listens already, by that descriptor.
 */
export type ListenAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined; readonly fd?: number }
  | { readonly path: string; readonly fd?: number }
