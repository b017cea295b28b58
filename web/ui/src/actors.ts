// The part of the supervision tree that somebody looks at: one page of children for each open actor.
// Deltas of the live feed change what is shown at once; a poll of the open pages brings the rest.

import { onScopeDispose, reactive, ref } from 'vue'
import { type Actor, get } from './api'
import { subscribe } from './live'
import { sentence } from './problems'

export const CHILDREN_PAGE = 100
const POLL_MS = 3_000

export interface Shown extends Actor {
  /** When it crashed last, by this browser's clock. */
  crashed_at: number | null
}
interface Children { paths: string[]; offset: number }

export function useActors() {
  const actors = reactive(new Map<string, Shown>())
  const open = reactive(new Map<string, Children>())
  const root = ref('')
  const error = ref('')

  function take(actor: Actor): void {
    const crashed_at = actor.crash_ago_s == null ? null : Date.now() - actor.crash_ago_s * 1000
    const { children: _, ...facts } = actor
    const before = actors.get(actor.path)
    if (before) Object.assign(before, facts, { crashed_at })
    else actors.set(actor.path, { ...facts, children: [], crashed_at })
  }

  async function load(path: string, offset = 0): Promise<Actor | undefined> {
    try {
      const found = await get<Actor>('/tree', { path, depth: 1, offset, limit: CHILDREN_PAGE })
      error.value = ''
      take(found)
      found.children.forEach(take)
      open.set(found.path, { paths: found.children.map((child) => child.path), offset })
      return found
    } catch (problem) {
      error.value = sentence(problem)
      open.delete(path)
      return undefined
    }
  }

  async function look(path: string): Promise<boolean> {
    const found = await get<Actor>('/tree', { path, depth: 0 }).catch(() => undefined)
    if (found) take(found)
    return found !== undefined
  }

  async function start(): Promise<void> {
    const found = await load('')
    if (found) root.value = found.path
  }

  function close(path: string): void {
    for (const other of [...open.keys()]) if (other === path || other.startsWith(`${path}/`)) open.delete(other)
  }

  subscribe('tree', {
    snapshot: start,
    delta: (items: Actor[]) => items.forEach((actor) => actors.has(actor.path) && take(actor)),
  })
  let busy = false
  const timer = setInterval(async () => {
    if (busy || document.hidden || !root.value) return
    busy = true
    for (const [path, { offset }] of [...open]) await load(path, offset)
    busy = false
  }, POLL_MS)
  onScopeDispose(() => clearInterval(timer))

  return { actors, open, root, error, load, look, close, start }
}

export type ActorStore = ReturnType<typeof useActors>
