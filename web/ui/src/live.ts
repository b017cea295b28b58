// The live feed: one websocket for all pages, with a snapshot and then deltas for each topic.

import { onScopeDispose, ref } from 'vue'
import { token } from './api'

export interface Listener {
  snapshot: (body: any) => void
  delta?: (items: any[]) => void
  /** The topic cannot be had; the server says why. */
  error?: (message: string) => void
}

export type LiveState = 'connecting' | 'live' | 'lost'
export const liveState = ref<LiveState>('connecting')

const FIRST_RETRY_MS = 500
const RETRY_MAX_MS = 15_000
const topics = new Map<string, Set<Listener>>()
let socket: WebSocket | undefined
let retryMs = FIRST_RETRY_MS

function send(body: unknown): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(body))
}

/** Connect, unless that is done: a page without topics of its own shows as well whether the head-end is there. */
export function start(): void {
  if (!socket) connect()
}

function connect(): void {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  socket = new WebSocket(`${scheme}//${location.host}/live`)
  socket.onopen = () => {
    liveState.value = 'live'
    retryMs = FIRST_RETRY_MS
    // Browsers send no headers with a websocket: the token is the first thing said, never a URL.
    if (token()) send({ token: token() })
    if (topics.size) send({ subscribe: [...topics.keys()] })
  }
  socket.onmessage = (message) => take(JSON.parse(message.data))
  socket.onclose = () => {
    liveState.value = 'lost'
    setTimeout(connect, retryMs * (0.75 + Math.random() / 2))
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
  }
}

interface Frame {
  topic?: string
  snapshot?: unknown
  delta?: unknown[]
  error?: { message: string; detail?: { topic?: string } | null }
}

function take(frame: Frame): void {
  if (frame.error) {
    for (const listener of topics.get(frame.error.detail?.topic ?? '') ?? []) listener.error?.(frame.error.message)
    return
  }
  for (const listener of topics.get(frame.topic ?? '') ?? []) {
    if (frame.snapshot !== undefined) listener.snapshot(frame.snapshot)
    else if (frame.delta) listener.delta?.(frame.delta)
  }
}

/** Listen to a topic until the component is gone. A listener who comes later asks for a snapshot. */
export function subscribe(topic: string, listener: Listener): () => void {
  start()
  const listeners = topics.get(topic) ?? new Set<Listener>()
  topics.set(topic, listeners)
  listeners.add(listener)
  if (listeners.size > 1) send({ unsubscribe: [topic] })
  send({ subscribe: [topic] })
  const stop = () => {
    listeners.delete(listener)
    if (!listeners.size && topics.get(topic) === listeners) {
      topics.delete(topic)
      send({ unsubscribe: [topic] })
    }
  }
  onScopeDispose(stop, true)
  return stop
}
