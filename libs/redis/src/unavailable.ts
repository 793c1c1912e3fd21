/** Redis could not be reached in time. What became of the command is unknown; nothing rests on it. */
export class RedisUnavailable extends Error {
  constructor(reason: string) {
    super(`Redis is not available: ${reason}`);
    this.name = 'RedisUnavailable';
  }
}
