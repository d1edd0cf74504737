import { Agent } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

/** express with http-proxy-middleware as its README has it, and an agent that keeps its connections ("http.Agent"). */
const [port, upstream] = [Number(process.argv[2]), process.argv[3] ?? '']

const app = express()
app.disable('x-powered-by')
app.use(createProxyMiddleware({ target: upstream, changeOrigin: true, agent: new Agent({ keepAlive: true }) }))
app.listen(port, '127.0.0.1').keepAliveTimeout = 60_000
