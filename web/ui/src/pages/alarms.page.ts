import { mdiBellOutline } from '@mdi/js'

export default { path: '/alarms', name: 'alarms', component: () => import('./AlarmsPage.vue'), order: 3, icon: mdiBellOutline }
