import { runService } from '@holdfast/http';
import { PaymentConfig } from './payment-config';
import { paymentService } from './payment-service';

runService(PaymentConfig, paymentService);
