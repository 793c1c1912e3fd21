import { deadLettersProgram } from './program';
import { rabbitmqUrl } from './rabbitmq-url';

deadLettersProgram(rabbitmqUrl(), (text) => console.log(text))
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
