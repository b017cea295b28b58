export default { path: '/meters/:id', name: 'meter', component: () => import('./MeterPage.vue') }
