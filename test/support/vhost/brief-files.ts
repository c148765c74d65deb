/** The host of the brief's registry. */
export const DOMAIN = 'registry.example.test'

/** The password "password", as `openssl passwd -crypt` of the brief's time wrote it; OpenSSL makes this form no more. */
export const DES_HASH = 'rEK1ecacw.7.c'

/** The registry's vhost file, as the brief writes it. */
export const VHOST_FILE = [
  'client_max_body_size 100m;',
  'auth_basic "Restricted";',
  `auth_basic_user_file /etc/nginx/passwords/${DOMAIN};`,
  'add_header Docker-Distribution-API-Version registry/2.0 always;',
  '',
].join('\n')
