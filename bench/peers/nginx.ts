import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from '../edge/peers.ts'

/**
 * One worker, connections kept to clients and upstream (nginx.org, ngx_http_upstream_module, `keepalive`: HTTP/1.1 and an
 * empty `Connection`), no access log. Bodies are small enough for its buffers.
 */
export const nginx: Server = {
  name: 'nginx',
  program: 'nginx',
  debianPackage: 'nginx-light',
  async configure(folder, port, upstream) {
    const path = join(folder, 'nginx.conf')
    await writeFile(path, configuration(folder, port, upstream))
    return ['-e', 'stderr', '-c', path]
  },
}

/** @param inServer further directives of the server */
export const configuration = (folder: string, port: number, upstream: string, inServer = ''): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream bench { server ${upstream}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    ${inServer}
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`
