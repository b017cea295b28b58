import { mdiHistory } from '@mdi/js'

export default { path: '/events', name: 'events', component: () => import('./EventsPage.vue'), order: 6, icon: mdiHistory }
