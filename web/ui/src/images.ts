// The firmware image that a device was offered last, followed until it runs or has failed.

import { onScopeDispose, ref } from 'vue'
import { get } from './api'
import type { ImageAnswer } from './orders'
import { sentence } from './problems'

const POLL_MS = 2_500

export function useImage(path: string) {
  const image = ref<ImageAnswer | null>(null)
  const error = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  let gone = false

  async function load(): Promise<void> {
    clearTimeout(timer)
    try {
      image.value = (await get<{ last: ImageAnswer | null }>(path)).last
      error.value = ''
    } catch (problem) {
      error.value = sentence(problem)
    }
    const runs = image.value !== null && !['activated', 'failed'].includes(image.value.state)
    if (!gone && (runs || error.value)) timer = setTimeout(load, POLL_MS)
  }

  onScopeDispose(() => {
    gone = true
    clearTimeout(timer)
  })
  void load()
  return { image, error, load }
}
