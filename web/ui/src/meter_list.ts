// The whole meter list in the browser: it comes page by page, then changes by the live feed.
// 100,000 rows are some 50 MB; searching them takes a few ms, and scrolling asks nobody.

import { computed, onScopeDispose, ref, shallowRef, triggerRef } from 'vue'
import { get, type MeterRow } from './api'
import { subscribe } from './live'
import { sentence } from './problems'

const PAGE = 1000
const REDRAW_MS = 400
/** After many changes at once the server tells only that; the list is then fetched anew, not more often than this. */
const REFETCH_MS = 10_000

interface Entry { row: MeterRow; text: string }

const textOf = (row: MeterRow): string => `${row.meter_id} ${row.modem_id} ${row.area}`.toLowerCase()

export function useMeterList() {
  const entries = shallowRef<Entry[]>([])
  const places = new Map<string, Entry>()
  const total = ref(0)
  const loading = ref(false)
  const error = ref('')
  let gone = false
  let loadedAt = 0
  let redraw: ReturnType<typeof setTimeout> | undefined
  let refetch: ReturnType<typeof setTimeout> | undefined

  function take(row: MeterRow): boolean {
    const entry = places.get(row.meter_id)
    if (entry) {
      entry.row = row
      entry.text = textOf(row)
      return false
    }
    const added = { row, text: textOf(row) }
    places.set(row.meter_id, added)
    entries.value.push(added)
    return true
  }

  async function load(): Promise<void> {
    if (loading.value) return
    loading.value = true
    error.value = ''
    try {
      let after: string | null = ''
      while (after !== null && !gone) {
        const page: { meters: MeterRow[]; next: string | null; total: number } = await get('/meters', { limit: PAGE, after })
        page.meters.forEach(take)
        total.value = page.total
        after = page.next
        draw()
      }
    } catch (problem) {
      error.value = sentence(problem)
    } finally {
      loading.value = false
      loadedAt = Date.now()
    }
  }

  function draw(): void {
    redraw ??= setTimeout(() => {
      redraw = undefined
      triggerRef(entries)
    }, loading.value && entries.value.length > PAGE ? REDRAW_MS : 0)
  }

  subscribe('meters', {
    snapshot: (body) => {
      total.value = body.total
      const wait = Math.max(0, loadedAt + REFETCH_MS - Date.now())
      clearTimeout(refetch)
      refetch = setTimeout(load, loadedAt ? wait : 0)
    },
    delta: (rows: MeterRow[]) => {
      if (rows.filter(take).length) entries.value.sort((one, other) => (one.row.meter_id < other.row.meter_id ? -1 : 1))
      total.value = Math.max(total.value, entries.value.length)
      redraw ??= setTimeout(() => {
        redraw = undefined
        triggerRef(entries)
      }, REDRAW_MS)
    },
  })
  onScopeDispose(() => {
    gone = true
    clearTimeout(redraw)
    clearTimeout(refetch)
  })

  return { entries, total, loading, error, load, loaded: computed(() => entries.value.length) }
}
