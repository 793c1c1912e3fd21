import { PathId } from '@holdfast/http';

export const PaymentId = () => PathId('paymentId', 'unknown-payment');
