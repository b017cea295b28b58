// Orders to a device: what is under way, for how long, which steps are done, what came of it.

import { computed, onScopeDispose, reactive, shallowRef } from 'vue'
import type { EventForm } from './api'
import { sentence } from './problems'

export interface RelayAnswer { obis: string; closed: boolean; state: string; mode: number; state_before: string | null }

export interface TariffCalendar {
  name: string
  seasons: { name: string; start: string; week: string }[]
  weeks: { name: string; days: number[] }[]
  days: { id: number; switches: { at: string; rate: number }[] }[]
  holidays: { date: string; day: number }[] | null
  scripts: string
  activate_at: string | null
}

export interface CalendarAnswer { calendar: TariffCalendar; waiting: string | null; waiting_until: string | null }

export interface ImageAnswer {
  image: string
  state: string
  done_bytes: number
  size_bytes: number
  sha256: string
  actor: string
  reason: string
  detail: string
  version: string | null
  version_before: string | null
  offered_at: string | null
  changed_at: string | null
}

export interface AuditRow {
  position: number
  stream: string
  received_at: string
  kind: string
  actor: string | null
  what: string
  argument: string
  why: string
  result: string | null
  detail: string
}

const STEPS_MAX = 40

export function useOrder() {
  const state = reactive({ what: '', seconds: 0, note: '', type: 'success' as 'success' | 'warning' | 'error' })
  const steps = shallowRef<EventForm[]>([])
  const busy = computed(() => state.what !== '')
  let timer: ReturnType<typeof setInterval> | undefined
  let begun = false
  onScopeDispose(() => clearInterval(timer))

  /** Let the device do something; its answer, or nothing and a note that says why. */
  async function run<T>(what: string, ask: () => Promise<T>, told: (answer: T) => string): Promise<T | undefined> {
    if (busy.value) return undefined
    Object.assign(state, { what, seconds: 0, note: '' })
    steps.value = []
    begun = true
    timer = setInterval(() => state.seconds++, 1000)
    try {
      const answer = await ask()
      Object.assign(state, { type: 'success', note: told(answer) })
      return answer
    } catch (problem) {
      Object.assign(state, { type: 'error', note: sentence(problem) })
      return undefined
    } finally {
      clearInterval(timer)
      state.what = ''
    }
  }

  /** Take a step that the head-end has written down; it may come after the answer. */
  function step(event: EventForm): void {
    if (!begun) return
    const before = event.type.startsWith('CommandRequested') ? [] : steps.value
    steps.value = [...before, event].slice(-STEPS_MAX)
  }

  function clear(): void {
    begun = false
    state.note = ''
    steps.value = []
  }

  return { state, steps, busy, run, step, clear }
}

export type OrderStore = ReturnType<typeof useOrder>
