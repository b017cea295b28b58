import { mdiClipboardTextClockOutline } from '@mdi/js'

export default { path: '/audit', name: 'audit', component: () => import('./AuditPage.vue'), order: 7, icon: mdiClipboardTextClockOutline }
