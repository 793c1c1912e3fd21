export { ProblemBody } from './http/problem-body';
