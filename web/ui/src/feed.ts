// The newest events as they come, gathered so that a busy node redraws twice a second, not fifty times.

import { onScopeDispose, shallowRef } from 'vue'
import type { EventForm } from './api'
import { subscribe } from './live'

const REDRAW_MS = 250

export function useFeed(most: number, wanted: (event: EventForm) => boolean = () => true) {
  const events = shallowRef<EventForm[]>([])
  /** Events of the last second that were too many to be sent. */
  const skipped = shallowRef(0)
  let waiting: EventForm[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  function add(newest: EventForm[]): void {
    const seen = new Set<number>()
    events.value = [...newest, ...events.value]
      .sort((one, other) => other.position - one.position)
      .filter((event) => !seen.has(event.position) && seen.add(event.position))
      .slice(0, most)
  }

  subscribe('events', {
    snapshot: () => undefined,
    delta: (items) => {
      for (const item of items) {
        if (item.skipped) skipped.value += item.skipped
        else if (wanted(item)) waiting.push(item)
      }
      timer ??= setTimeout(() => {
        timer = undefined
        add(waiting)
        waiting = []
      }, REDRAW_MS)
    },
  })
  onScopeDispose(() => clearTimeout(timer))
  return { events, skipped, add, clear: () => { events.value = []; waiting = [] } }
}
