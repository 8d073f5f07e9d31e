export { describeImpostor } from "@sdgan/core/basics";
