export default { path: '/modems/:id', name: 'modem', component: () => import('./ModemPage.vue') }
