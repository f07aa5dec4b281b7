# Coefficients and standard errors of nnet::multinom, VGAM::vglm and brglm2::brmultinom: Rscript peers.R X.csv Y.csv OUT.json
suppressMessages({library(nnet); library(VGAM); library(brglm2); library(jsonlite)})
args <- commandArgs(TRUE)
data <- read.csv(args[1])
data$.y <- factor(readLines(args[2]))
formula <- .y ~ .
plain <- multinom(formula, data, maxit = 5000, reltol = 1e-14, abstol = 1e-14, trace = FALSE, Hess = TRUE)
firth <- brmultinom(formula, data, ref = levels(data$.y)[1], type = "AS_mean", epsilon = 1e-10, maxit = 5000)
iwls <- vglm(formula, multinomial(refLevel = 1), data = data, epsilon = 1e-14, maxit = 200)
rows <- function(v) matrix(v, ncol = ncol(data))
tell <- function(coef, se) list(coef = rows(coef), se = rows(se))
s <- summary(plain)
write_json(list(
  nnet = tell(s$coefficients, s$standard.errors),
  # Its covariance goes term by term.
  VGAM = tell(t(coef(iwls, matrix = TRUE)), matrix(sqrt(diag(vcov(iwls))), ncol = ncol(data))),
  # Its covariance goes class by class.
  brglm2 = list(coef = rows(coef(firth)), se = matrix(sqrt(diag(vcov(firth))), ncol = ncol(data), byrow = TRUE))
), args[3], digits = NA)
