/*
 * commands.h - the subcommands: main.c's table points to these.
 *
 * Each gets its own arguments (argv[0] is the subcommand) and returns a sysexits code. Errors go
 * to standard error as `flexbrevo: <what is wrong>: <where> (<what to do>)`.
 */
#pragma once

int command_run(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_work(int argc, char **argv);
int command_check(int argc, char **argv);
int command_check_config(int argc, char **argv);
int command_verify_signature(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_trigger(int argc, char **argv);
int command_report(int argc, char **argv);
int command_status(int argc, char **argv);
int command_parked(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_conflicts(int argc, char **argv);
int command_mapping_diff(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_version(int argc, char **argv);
