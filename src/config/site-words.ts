/** Use of plain HTTP and TLS for a host. */
export const HTTPS_METHODS = ['redirect', 'noredirect', 'nohttp', 'nohttps'] as const
/** TLS settings by Mozilla's names. */
export const TLS_POLICIES = ['Mozilla-Modern', 'Mozilla-Intermediate', 'Mozilla-Old'] as const
/** Certificates of visitors: nginx's `ssl_verify_client`. */
export const CLIENT_CERTIFICATES = ['on', 'optional', 'optional_no_ca', 'off'] as const
/** Visitors who may reach a site: all, or only those of private networks. */
export const ACCESS = ['external', 'internal'] as const
/** Ways to choose the server for a request. */
export const BALANCES = ['round-robin', 'ip-hash', 'least-connections'] as const
